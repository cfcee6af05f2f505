"""A database before a fleet writes to it: is it fit, and whose schema does it have?"""
