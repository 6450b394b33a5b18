"""A whole life of a new environment in somebody's account: asked first, recorded, reported, and taken down again."""
