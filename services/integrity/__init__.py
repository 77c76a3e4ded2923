"""What other programs left in disorder: found, told, and put right as acts that can be taken back."""
