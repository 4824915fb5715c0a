"""What fitting methods have in common, whatever they fit."""

import functools


def all_or_nothing(method):
    """Make a fitting method leave the estimator as it was if it raises."""

    @functools.wraps(method)
    def wrapped(self, *args, **kwargs):
        before = dict(self.__dict__)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return wrapped
