-- Whoever makes the first slot makes the others; everybody else waits for it.
WITH first AS (
    INSERT INTO subscriptions (name, slot, slots, position) VALUES ($1, 0, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING name, slots, position
)
INSERT INTO subscriptions (name, slot, slots, position)
SELECT f.name, n, f.slots, f.position FROM first f CROSS JOIN generate_series(1, f.slots - 1) n
