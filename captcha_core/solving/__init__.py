"""Reading many images with one network: from a folder, archive or list to a table with its figures."""
