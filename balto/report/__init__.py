"""Reports as one page that opens offline: no script, no font, no picture from elsewhere."""
