from hypothesis import settings

# The first example of a test pays for importing and warming up torch.
settings.register_profile("tablesim", deadline=None)
settings.load_profile("tablesim")
