"""How good an explanation is: laws that it should keep, a truth that it should find, and what it should notice.

===================== ========================================================== =================================
function              what it measures                                           good
===================== ========================================================== =================================
`conservation_error`  whether all pairs together give the similarity             0
`symmetry_error`      whether the explanation of (y, x) is the transpose         0
`randomized_weights`  what is left of it when weights are shuffled               far below 1, falling
`agreement`           cosine with a known table of pairs                         1
`pointing_game`       share of the strongest pairs that stand at a true place    1; chance is stated
`pair_flipping`       how early the similarity falls (or rises) when the places  gap above 0: better than random
                      of the strongest pairs are taken away (or put in)          pairs
`infidelity`          sets of pairs against what they really bring together      0; 1 is an explanation of zeros
===================== ========================================================== =================================

Every function takes joint relevance of any method and of any input: images, tokens, sequences, features. None of them
alone makes an explanation right: conservation can be had by dividing evenly, an edge detector withstands randomised
weights no better than a good explanation does, and what taking away measures depends on what is put in instead.
"""

from __future__ import annotations

from bilrp.evaluation.laws import Explainer, conservation_error, randomized_weights, symmetry_error
from bilrp.evaluation.removal import Flipping, infidelity, pair_flipping
from bilrp.evaluation.truth import Explanation, Pointing, agreement, place_pairs, pointing_game

__all__ = [
    "Explainer",
    "Explanation",
    "Flipping",
    "Pointing",
    "agreement",
    "conservation_error",
    "infidelity",
    "pair_flipping",
    "place_pairs",
    "pointing_game",
    "randomized_weights",
    "symmetry_error",
]
