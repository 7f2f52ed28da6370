"""A bundle goes in; ratings and cases come out."""
