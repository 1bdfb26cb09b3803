"""Why work waits: for each demand that Ray has not placed, what it asks for, what there is, and what would let it run.

Pure arithmetic over what was observed. A question that would take too long to answer exactly, or whose answer rests on
something nobody reported, is answered with "not known", never with a guess.
"""
