"""A Dag as a drawing: text, SVG and Graphviz. Pure functions, no Airflow, no disk.

::

    Graph ─layers.arrange→ Layers ─placing.place→ positions ─┬─ text.draw (routed with routing.route)
                                                             └─ svg.draw
"""
