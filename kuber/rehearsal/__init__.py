"""The real Pulumi engine under the program, with stand-ins where a cloud would be."""
