"""What a program may become by an edit or two, and the search among all of that."""
