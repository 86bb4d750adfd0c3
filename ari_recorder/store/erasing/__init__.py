"""Taking a person out of the catalogue: asked for and shown (`asking`), and done in batches (`working`).

A row of `models.Erasure` says how far it has come; each batch is a commit with it. So it goes on where it
was left, whenever the program died, and none of the batches minds being done twice. What is under a legal
hold is left as it is, and the erasure waits until that is over.
"""
