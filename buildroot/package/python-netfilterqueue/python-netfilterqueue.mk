################################################################################
#
# python-netfilterqueue
#
################################################################################

PYTHON_NETFILTERQUEUE_VERSION = 1.1.0
PYTHON_NETFILTERQUEUE_SOURCE = NetfilterQueue-$(PYTHON_NETFILTERQUEUE_VERSION).tar.gz
PYTHON_NETFILTERQUEUE_SITE = https://files.pythonhosted.org/packages/79/1e/216bc353a860a7baa580573e6e161343e88c29b80badc778a60b6bcebb74
PYTHON_NETFILTERQUEUE_SETUP_TYPE = setuptools
PYTHON_NETFILTERQUEUE_LICENSE = MIT
PYTHON_NETFILTERQUEUE_LICENSE_FILES = LICENSE.txt
# Cython, since the C file in the tarball is older than Python 3.12.
PYTHON_NETFILTERQUEUE_DEPENDENCIES = libnetfilter_queue host-python-cython

$(eval $(python-package))
