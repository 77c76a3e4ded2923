"""The terminal of the app: its driver, the clipboard, the person's own editor, what is used of Textual unofficially."""
