"""A simulated Anypoint organisation: access management as its published facts describe it."""
