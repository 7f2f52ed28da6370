"""The engine: columns of whole customers in, columns of every day they are looked at out; compiled, exact in time."""
