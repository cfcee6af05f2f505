"""Code that pipelines name, known without importing it: modules, signatures, catalog."""
