SELECT outcomes, stream_positions, positions FROM append_event($1, $2)
