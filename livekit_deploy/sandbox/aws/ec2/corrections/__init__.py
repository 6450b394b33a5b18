"""What moto answers otherwise than EC2."""
