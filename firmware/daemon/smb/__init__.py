"""Brings files to a share of Windows or Samba: SMB 2 and 3, only as much as a backup needs (docs/design/backup.md)."""
