################################################################################
#
# python-peewee
#
################################################################################

PYTHON_PEEWEE_VERSION = 4.5.3
PYTHON_PEEWEE_SOURCE = peewee-$(PYTHON_PEEWEE_VERSION).tar.gz
PYTHON_PEEWEE_SITE = https://files.pythonhosted.org/packages/6f/85/8142c26b9942e2993fdcd9163089a8531ac255aecef1ca4cc1b611e8d193
PYTHON_PEEWEE_SETUP_TYPE = setuptools
PYTHON_PEEWEE_LICENSE = MIT
PYTHON_PEEWEE_LICENSE_FILES = LICENSE
PYTHON_PEEWEE_DEPENDENCIES = host-python-cython
# Its functions for SQLite in C serve full-text search only.
PYTHON_PEEWEE_ENV = NO_SQLITE=1

$(eval $(python-package))
