SELECT outcomes, stream_positions, positions FROM append_events($1, $2, $3, $4)
