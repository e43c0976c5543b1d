"""Known leaks and errors, planted one by one, and what catches each; `make leakbench` prints the table."""
