"""What makes many memories fewer or clearer: near-identical ones become one, unused ones go, clusters are observed."""
