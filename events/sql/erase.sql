SELECT outcome, stream_position, position FROM erase_stream($1, $2)
