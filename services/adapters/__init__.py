"""The stores behind the ports. Exceptions of their libraries stop here."""
