"""`sluice down`: stops the local AWS of this checkout."""

from cli.terminal import output
from cli.terminal.options import AsJson


def down(as_json: AsJson = False) -> None:
    """Stop the local AWS of this checkout and delete its data, unless it was started with --keep.

    One that another checkout started is left alone; the message says whose it is.

    Exit 0: it is down. 1: none was up. 2: its note cannot be trusted.

    Example: sluice down
    """
    try:
        from local import detached

        kept = detached.down()
    except ModuleNotFoundError:
        output.fail("no local AWS is up", code=1)
    except detached.NotUp as none:
        output.fail(str(none), code=1)
    except detached.NoteNotTrusted as error:
        output.fail(str(error), code=2)
    if as_json:
        output.print_json({"down": True, "kept": kept})
    else:
        output.out.print("down", style="bold green")
        if kept:
            words = f"its data are kept in {detached.kept_folder()}: sluice up --keep brings them back"
            output.out.print(words, highlight=False, soft_wrap=True)
