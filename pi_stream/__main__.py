"""`python -m pi_stream`"""

import sys

from pi_stream.cli import main

sys.exit(main())
