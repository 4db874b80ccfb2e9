"""The errors that bilrp raises on purpose, and its warnings.

Each message says where, what was found, what was expected and what to do. Every class also inherits the built-in
exception that callers would expect, so that ``except ValueError`` keeps working.
"""

from __future__ import annotations


class BilrpError(Exception):
    """Base of every error that bilrp raises on purpose."""


class InputError(BilrpError, ValueError):
    """An input, an embedding, a box or a setting has the wrong shape, type or range."""


class RuleError(BilrpError, ValueError):
    """A rule has settings out of range, or cannot serve the operation it was given to."""


class CompositeError(BilrpError, ValueError):
    """A composite is unknown, names a layer that the model does not have, or was made for other networks."""


class UnsupportedOperationError(BilrpError, NotImplementedError):
    """Relevance reached an operation that has no rule."""


class UnseenOperationError(BilrpError, RuntimeError):
    """A value that depends on the input was made by code that bilrp could not record."""


class RelevanceFileError(BilrpError, ValueError):
    """A file of joint relevance or of a factor is missing, damaged or of another format."""


class PretrainedWeightsError(BilrpError, ValueError):
    """A weights file is missing, damaged or made for another network."""


class NotConservedError(BilrpError, ArithmeticError):
    """Biases were to be distributed, and yet relevance does not add up to what is explained."""


class NonFiniteError(BilrpError, ArithmeticError):
    """A value or a relevance is infinite or no number; the message names the operation where it first appears."""


class ResultTooLargeError(BilrpError, MemoryError):
    """A result would not fit into memory; nothing of it was made."""


class DoubtfulExplanationWarning(UserWarning):
    """A result lies beyond the limits of `bilrp.certificate`: what, by how much, and what to try."""


class LargeResultWarning(UserWarning):
    """A result will take many gibibytes of memory."""
