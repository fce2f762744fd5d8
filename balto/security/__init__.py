"""Who may call what: keys, the administrator's sessions, rate limits and the table of access."""
