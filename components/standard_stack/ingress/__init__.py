"""How requests come in: NGINX or Traefik."""
