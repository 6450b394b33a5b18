"""What moto answers otherwise than ELB."""
