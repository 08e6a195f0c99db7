"""What it runs on: meshes of devices, several processes, compiled programs."""
