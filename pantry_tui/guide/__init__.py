"""The recovery wizard's questions, answers and what follows from them; the screens and the plain questions are its faces."""
