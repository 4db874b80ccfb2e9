"""History: how varied the tables of a corpus are, over years and places, beside what chance would show."""
