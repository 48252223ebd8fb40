# Starts Autobahn's `wstest` (Python 2.7) from the folder in which pip put it, the first argument.
import site
import sys

site.addsitedir(sys.argv.pop(1))

from autobahntestsuite import wstest

wstest.run()
