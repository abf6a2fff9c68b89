"""The only room that knows Redis: teams and keys, holds and charges, reports."""
