"""Decides whether a caller is allowed to make a call, as IAM does.

`check` is where every call passes; `asked` says which actions on which objects a call asks for, itself and inside of it
(`inside`), with the condition keys that AWS offers there (`reference`); `objects` names the objects of a call;
`policies` says what a caller's policies allow, and `statements` what one statement means.
"""
