"""What is late, short, owed and due, and what earned money. It reads the other modules and writes nothing of theirs."""
