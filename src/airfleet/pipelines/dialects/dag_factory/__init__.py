"""The format of dag-factory 0.23 to 1.1, and of MWAA Serverless, as documents of our language."""
