"""`python -m core`: the command line."""

from core.cli import app
from core.home import keep_compiled_code

if __name__ == "__main__":
    keep_compiled_code()
    app(prog_name="python -m core")
