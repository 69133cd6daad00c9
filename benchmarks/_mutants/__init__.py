"""What `mutants.py` is made of: changes of a module, and trials whether tests notice them."""
