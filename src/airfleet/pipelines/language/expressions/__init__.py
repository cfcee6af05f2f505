"""``${{ }}``: a small language of values that are known when the file is read. Nothing is evaluated as Python."""
