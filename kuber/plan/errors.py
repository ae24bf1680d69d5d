"""Why a plan could not be made, other than for a fault in the stack file or in the program."""


class PlanError(Exception):
    """The program declares what can't be planned; the text says what."""


class LookUpError(PlanError):
    """The program asked a cloud something while planning."""
