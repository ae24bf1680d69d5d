"""Whether the inventory of a cluster on machines of one's own and its live nodes agree."""
