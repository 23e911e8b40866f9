"""Fieldstone, implicit geometry as a service. The program is the command `fieldstone`; `fieldstone.notebook` shows its volumes."""
