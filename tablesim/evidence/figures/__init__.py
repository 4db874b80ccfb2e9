"""The pictures of the evidence. All that needs matplotlib is here, and it is imported when a picture is drawn."""
