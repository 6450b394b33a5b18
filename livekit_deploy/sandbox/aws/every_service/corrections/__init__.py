"""Where moto answers every service otherwise than AWS."""
