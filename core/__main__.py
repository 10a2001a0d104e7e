"""`python -m core`: the command line, as `atomref` where the project is installed."""

from core.cli import main

if __name__ == "__main__":
    main()
