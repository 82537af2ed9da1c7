"""Hearing a case: from what models scored to the verdict, on one machine or several."""
