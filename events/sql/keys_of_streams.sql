SELECT s.name, k.id, k.master, k.wrapped FROM streams s JOIN keys k ON k.id = s.key_id WHERE s.name = ANY ($1)
